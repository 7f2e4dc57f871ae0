"""From any source to tensors, classes and splits; the test split sealed."""
