"""`python -m zfhelpers.results`."""

from zfhelpers.results.measure import main

main()
