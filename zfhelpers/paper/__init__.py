"""What the paper published, and our own numbers held against it."""

from zfhelpers.paper.checks import at_least, at_most, begin, check, comparison, record, recorded
from zfhelpers.paper.published import Claim, Inconsistency, Table, claims, figure, inconsistencies, table

__all__ = [
    "Claim", "Inconsistency", "Table", "at_least", "at_most", "begin", "check", "claims", "comparison", "figure",
    "inconsistencies", "record", "recorded", "table",
]  # fmt: skip
