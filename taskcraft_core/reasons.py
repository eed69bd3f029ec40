"""Why something is left out of the dataset: a closed set of codes."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Every reason for which something is left out of the dataset."""

    # ingest
    EMPTY = "empty_document"
    TRUNCATED = "truncated_document"
    TYPE_MISMATCH = "type_mismatch"
    TYPE_UNKNOWN = "type_unknown"
    PASSWORD = "password_protected"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deeply_nested"
    TOO_SLOW = "parse_timeout"
    NOT_TEXT = "not_text"
    NO_CONTENT = "no_content"
    EMPTY_FOLDER = "empty_folder"
    PARSE_FAILED = "parse_failed"
    FETCH_FAILED = "fetch_failed"
    DUPLICATE_DOCUMENT = "duplicate_document"
    LIMIT = "limit_reached"
    # generate
    LANGUAGE = "language_unsupported"
    TITLE = "title_unusable"
    NOT_ATOMIC = "answer_not_atomic"
    NOT_UNIQUE = "not_unique_in_document"
    IRREGULAR = "irregular_structure"
    NO_PHRASE = "cannot_be_phrased"
    NO_CONCLUSION = "no_conclusion"
    DOCUMENT_CAP = "document_cap"
    # verify, and again for extensions
    GUESS = "guess"
    UNSOLVED = "unsolved"
    WRONG_ANSWER = "wrong_answer"
    TOO_MANY_STEPS = "too_many_steps"
    EVIDENCE = "evidence_missing"
    IDENTIFIER = "identifier_ambiguous"
    RIVAL = "rival"
    SECOND_READING = "second_reading"
    READABLE = "readable"
    LEAK = "leak"
    # a model that was asked, in any stage
    RESPONSE_INVALID = "response_invalid"
    MODEL_REFUSED = "model_refused"
    CONTEXT_LENGTH = "context_too_long"
    CALL_FAILED = "call_failed"
    WRONG_LANGUAGE = "wrong_language"
    # extension
    SUPERSET_INVALID = "superset_invalid"
    MERGE_INVALID = "merge_invalid"
    NO_SUPERSET = "no_superset"
    SECOND_TARGET = "second_target"
    SHORTCUT = "shortcut"
    CYCLE = "cycle"
    SYNONYM = "synonym"
    AUXILIARY = "auxiliary_failed"
    SUPERSET_SHARE = "superset_overused"
    NEAR_DUPLICATE = "near_duplicate"
    NOT_DECOMPOSABLE = "not_decomposable"
    # audit
    EXPECTATION = "expectation_failed"
    PARENT_LEFT = "parent_left"
    # publish, of rows that were there and are retired
    DOCUMENT_GONE = "document_gone"
    DOCUMENT_CHANGED = "document_changed"
