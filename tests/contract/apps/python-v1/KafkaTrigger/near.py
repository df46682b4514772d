place = "here"
