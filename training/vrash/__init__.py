"""VRASH (Tikhonov & Yamshchikov 2017): its model, training, examination and export."""
