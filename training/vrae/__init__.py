"""VRAE (Fabius & van Amersfoort 2015): its model, training, examination and export."""
