"""What is held about a customer: found, exported, erased."""
