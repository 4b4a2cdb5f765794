"""The ground floor, which knows no video: what every other folder of the library builds on.

text and errors stand alone; files and documents (JSON) use them; processes starts programs, and
installation checks that these and the packages are there; workers runs calls in processes of their
own, which report back through progress; runs has the Job that all of this belongs to, its Result
and how much runs at a time. locks is for folders; options declares the parameters of commands;
html, languages, arrays and sockets are small vocabularies for the floors above.
"""
