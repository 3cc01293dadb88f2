"""The fast bit-true model: answers and learning, equal to the contract in every spike."""
