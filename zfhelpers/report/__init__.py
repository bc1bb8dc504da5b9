"""All notebooks in one run, and the pages that are made of them."""

import sys

# What checks notebooks, jsonschema, would build a parser for internationalised addresses as it is imported: more than a second in
# each of the three programs that every notebook goes through, for a format that a notebook's schema does not name.
sys.modules.setdefault("rfc3987_syntax", None)
