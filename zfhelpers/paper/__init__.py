"""What the paper published and claimed, what we measured beside it, and what our numbers should be."""

from zfhelpers.paper.published import Claim, Inconsistency, Table, claims, figure, inconsistencies, table

__all__ = ["Claim", "Inconsistency", "Table", "claims", "figure", "inconsistencies", "table"]
