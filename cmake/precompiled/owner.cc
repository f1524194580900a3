// Has no content: the target that it makes owns a precompiled header.
int main() { return 0; }
