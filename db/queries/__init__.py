"""What the API reads: few statements a page, no writes."""
