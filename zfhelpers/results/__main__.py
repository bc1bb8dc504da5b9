"""`python -m zfhelpers.results`."""

from zfhelpers.results.records import main

main()
