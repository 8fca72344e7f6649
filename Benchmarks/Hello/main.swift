// The yardstick of starting: what a static Swift program costs that prints a line.
print("hello")
