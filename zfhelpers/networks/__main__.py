"""`python -m zfhelpers.networks`."""

from zfhelpers.networks.schedule import main

main()
