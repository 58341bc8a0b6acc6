"""What a long-running process shows of itself: figures, whether it lives, traces."""
