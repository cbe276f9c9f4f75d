"""Other people's programs that do what Postern does, each behind the same few methods."""
