"""MusicVAE (Roberts et al. 2018): its model, training, examination and export."""
