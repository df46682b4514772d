def worded(place, text):
    return "%s: %s" % (place, text)
