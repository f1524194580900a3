module natkit

go 1.19
