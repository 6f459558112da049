"""Ready-made experiments: small networks built so that one fact about gradients can be seen. One file a fact."""
