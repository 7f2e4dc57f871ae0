"""The local web page: run folders are read and commands laid into them; nothing here trains."""
