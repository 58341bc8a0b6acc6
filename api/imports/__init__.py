"""Bulk imports: read, checked, written by batches, reported with every reject."""
