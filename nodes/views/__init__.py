"""The pages: parse, authorise, call one thing, answer."""
