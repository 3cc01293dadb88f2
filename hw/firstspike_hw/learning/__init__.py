"""Learning on chip: replay of an image, votes, plastic lanes, the teacher."""
