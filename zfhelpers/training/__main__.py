"""`python -m zfhelpers.training`."""

from zfhelpers.training.loop import main

main()
