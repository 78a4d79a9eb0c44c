"""The web app: `app.py` arranges the rooms, each room is one `<room>_tab.py`, what moves under the finger is in `widgets/`."""
