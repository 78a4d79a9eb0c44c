"""Pictures and figures to look at or take away: numpy arrays in, PIL images or plotly figures out."""
