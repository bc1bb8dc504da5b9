"""The paper's training recipe (sec. 3.1)."""
