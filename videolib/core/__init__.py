"""The ground floor, which knows no video: what every other folder of the library builds on.

text and errors stand alone; files and documents (JSON) use them; processes starts programs; workers
runs calls in processes of their own, which report back through progress; runs has the job that all
of this belongs to. options declares the parameters of commands.
"""
