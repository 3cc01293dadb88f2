"""The fast bit-true model; its answers and learning equal the contract's in every spike and weight."""
