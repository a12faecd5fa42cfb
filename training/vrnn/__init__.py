"""VRNN (Chung et al. 2015): its model, training, examination and export."""
