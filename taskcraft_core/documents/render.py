"""A document as text: what the reading tools show, and what quotes are verbatim parts of."""

from __future__ import annotations

from taskcraft_core.models import Block, Box, Document, Table


def render(document: Document) -> str:
    """The whole document as text: title, then its blocks, with headings where the section changes."""
    parts = [f"# {document.title}"]
    section = ""
    for block in document.blocks:
        if block.section and block.section != section:
            section = block.section
            parts.append(f"## {section}")
        parts.append(render_block(block))
    return "\n\n".join(part for part in parts if part)


def render_block(block: Block) -> str:
    """One block as text; every row, entry and item is one line."""
    head = [block.caption] if isinstance(block, Table | Box) and block.caption else []
    return "\n".join(head + block_lines(block))


def block_lines(block: Block) -> list[str]:
    """The lines of a block, without its caption. For a table the first line is the header."""
    match block.kind:
        case "passage":
            return [block.text]
        case "table":
            return [row_line(row) for row in (block.header, *block.rows)]
        case "box":
            return [f"{key}: {value}" for key, value in block.entries]
        case "definitions":
            return [f"{term} — {description}" for term, description in block.entries]
        case "items":
            return [f"- {item}" for item in block.items]
        case "lines":
            return list(block.lines)
        case "figure":
            return [f"[Figure: {block.caption}]({block.href or block.document_id})"]


def row_line(cells: tuple[str, ...]) -> str:
    """A table row as one line."""
    return "| " + " | ".join(cells) + " |"
