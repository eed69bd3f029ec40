"""Extensions: a verified task becomes a harder one (paper, section 3.2)."""
