"""Pages about metals, and tasks of one's own about them."""

import hashlib
import json
from pathlib import Path

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.models import Document
from taskcraft_core.own_tasks import OwnTask

IRON = """<html><head><title>Iron</title></head><body><h1>Iron</h1>
<p>Iron is a metal that people have worked for 3000 years. Its melting point was measured on 3 May 1894 by J. W. Marsh.
The measurement gave 1538 °C in a furnace of the Royal Mint.</p>
<h2>Mines</h2>
<table><caption>Mines of the north</caption><tr><th>Mine</th><th>Opened</th><th>Depth</th></tr>
<tr><td>Kiruna</td><td>1898</td><td>1,365 m</td></tr><tr><td>Malmberget</td><td>1741</td><td>1,250 m</td></tr></table>
<dl><dt>Density</dt><dd>7.874 g/cm³</dd><dt>Atomic number</dt><dd>26</dd></dl></body></html>"""
TIN = "<html><head><title>Tin</title></head><body><h1>Tin</h1><p>Tin melts at 232 °C. It is soft.</p></body></html>"
TIE = """<html><head><title>铁</title></head><body><h1>铁</h1>
<p>铁是一种金属。它的熔点于1894年5月3日测定，约为1538摄氏度。</p></body></html>"""


def read(html: str, uri: str) -> Document:
    return parse_document(html.encode(), hashlib.sha256(html.encode()).hexdigest(), uri, "text/html")[0]


CORPUS = Corpus([read(IRON, "e/iron.html"), read(TIN, "e/tin.html"), read(TIE, "zh/铁.html")])
IRON_ID = hashlib.sha256(IRON.encode()).hexdigest()


def own(question: str = "When was it measured?", answer: str = "3 May 1894", **fields: str) -> OwnTask:
    return OwnTask(line="f.jsonl#1", question=question, answer=answer, **fields)


def write(folder: Path, *lines: object) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path
