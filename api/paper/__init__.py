"""Papers made of what is stored: the same rows make the same bytes, so none is kept."""
