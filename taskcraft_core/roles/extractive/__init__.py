"""The embedded engine: rules over the structure of documents, no model."""
