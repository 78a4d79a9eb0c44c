from mnist_lab.ui.controls import Room, opening
ID, TITLE = "classify", "Classify"
def build(store):
    opening("Title classify", "words")
    return Room(ID, TITLE)
