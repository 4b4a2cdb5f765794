"""People in videos, by their faces.

Of one video: `models` detect and embed faces of sampled frames, `tracking` follows them from frame
to frame, and `extraction` stores a signature (a vector and when it is seen) for each person.
Of a library: `signatures` reads those files, `grouping` assigns them to people by `clustering`,
`gallery` names people by photographs, and `listing` stores the result as a `face_index`.
Of users: `decisions` are what they said of people, `people` shows the index as decided, `editing`
and `forgetting` change it, `reports` tells it.
"""
