"""Offline training of recurrent variational autoencoders of music, and their export."""
