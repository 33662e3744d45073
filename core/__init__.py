"""Lightbox's library: data, networks, recipes, training, runs and figures. It never imports
streamlit.
"""
