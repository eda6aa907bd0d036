"""What a reference's stored rows mean: its life and its gate, as pure functions."""
