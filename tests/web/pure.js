/** What functions of the page without the page give, for node's test runner and for the browser.
 *
 * `load(name)` imports a module of web/. Gives [name, value, wanted value] of each case. */
export async function pureCases(load) {
  const names = [
    "data/pictures",
    "data/store",
    "data/tags",
    "ui/names-field",
    "views/copies",
    "ui/playback-keys",
    "views/transcript",
    "views/timeline",
    "views/markers",
    "data/transcodes",
    "data/query",
    "ui/lasso",
    "views/grid",
    "ui/format",
    "ui/subtitle-tracks",
    "data/api",
    "ui/router",
    "ui/sound-tracks",
    "views/presence",
  ];
  const [
    pictures,
    changes,
    tags,
    field,
    copies,
    keys,
    lines,
    timeline,
    markers,
    transcodes,
    query,
    lasso,
    grid,
    format,
    subtitles,
    api,
    router,
    sounds,
    presence,
  ] = await Promise.all(names.map(load));
  const tiles = [{ time: 0 }, { time: 10 }, { time: 20 }];
  const size = copies.FACTS.find(([name]) => name === "Size");
  const spoken = [
    { start: 1, end: 2 },
    { start: 3, end: 4 },
  ];
  const change = { videos: ["a.mp4"], kinds: ["thumbs"] };
  const job = { touched: change, directory: "." };
  const file = (language, purpose = "full") => ({ file: "", url: "", language, purpose });
  const choices = subtitles.subtitlesOf(
    [file("en", "forced"), file("pt-BR"), file("en")],
    [{ ...file("de"), stream: 3, default: true }],
  );
  const shown = (chosen, languages) => subtitles.shownAtFirst(choices, chosen, languages);
  const cases = {
    "no tile of another scene": [pictures.frameInside(tiles, { start: 11, end: 19 }), null],
    "nor of the scene that begins there": [pictures.frameInside(tiles, { start: 5, end: 10 }), null],
    "the tile in the middle": [pictures.frameInside(tiles, { start: 9, end: 25 }).time, 20],
    "a job names what it changed": [changes.changeOf(job, "."), change],
    "of another folder all may be": [changes.changeOf(job, "b").videos, null],
    "of another folder it may be nothing": [
      changes.changeOf({ directory: ".", touched: { videos: [], kinds: [] } }, "b"),
      { videos: [], kinds: [] },
    ],
    "a video that was not touched": [changes.concerns(change, "b.mp4"), false],
    "a kind that was not": [changes.concerns(change, null, ["faces"]), false],
    "a job that touched nothing": [changes.concerns({ videos: [], kinds: [] }), false],
    anything: [changes.concerns({ videos: null, kinds: null }, "a.mp4", ["faces"]), true],
    "the way back": [
      tags.difference({ tags: ["a", "b"], performers: [] }, { tags: ["b", "c"], performers: ["d"] }),
      { add: ["c"], remove: ["a"], performers_add: ["d"], performers_remove: [] },
    ],
    "the first press marks": [field.backspace(["a"], null, false), { marked: "a", removed: null }],
    "the second removes": [field.backspace(["a"], "a", false), { marked: null, removed: "a" }],
    "a held key does neither": [field.backspace(["a"], "a", true), { marked: "a", removed: null }],
    "what reads alike does not differ": [copies.verdict(size, { size: 1_000_001 }, { size: 1_000_002 }), ""],
    "what does not": [copies.verdict(size, { size: 1 }, { size: 2 }), "differs"],
    "words are looked for": [query.isSearchable("two words"), true],
    "half a term is not": [query.isSearchable('words tag:"ni'), false],
    "a digit leads to a tenth": [keys.actionOf("7"), ["seekTo", 0.7]],
    "arrows up scroll outside of the player": [keys.actionOf("ArrowUp"), null],
    "Caps Lock changes no key": [
      ["N", "n"].map((key, i) => keys.keyOf({ key, shiftKey: i > 0 })),
      ["n", "N"],
    ],
    "what no object has is no key": [keys.actionOf("constructor"), null],
    "the next picture": [keys.frameStep(1.0, 1, 25).toFixed(3), "1.044"],
    "the one before the first": [keys.frameStep(0, -1, 25), 0],
    "the subtitles that were chosen last, also inside the film": [
      shown("de", ["en"])?.label,
      "German, inside",
    ],
    "a language that they have not": [shown("fr", ["pt"])?.label, "Brazilian Portuguese"],
    "none were chosen yet: those of a file": [shown(null, ["de", "en-GB"])?.label, "English"],
    "off stays off": [shown("off", ["en"]), undefined],
    "subtitles that read alike": [
      subtitles.subtitlesOf([file("en"), file("en"), file("", "forced")], []).map(({ label }) => label),
      ["English", "English (2)", "forced"],
    ],
    "accents do not count": [
      lines.markWords("Le Café noir", "cafe"),
      [
        ["Le ", false],
        ["Café", true],
        [" noir", false],
      ],
    ],
    "every word counts": [lines.markWords("Le Café noir", "cafe blanc"), null],
    "a letter of two": [
      lines.markWords("x🎬y", "y"),
      [
        ["x🎬", false],
        ["y", true],
      ],
    ],
    "between two lines none is spoken": [lines.lineAt(spoken, 2.5), -1],
    "the second": [lines.lineAt(spoken, 3), 1],
    "what is at a time": [
      timeline.wordsAt(
        5,
        {
          markers: [{ time: 5.1, title: "Goal" }],
          chapters: [{ start: 0, end: 9, title: "Start" }],
          scenes: [
            { start: 0, end: 4 },
            { start: 4, end: 9 },
          ],
          people: [
            { name: "Ann", intervals: [[4, 6]] },
            { name: "Bob", intervals: [[6, 7]] },
          ],
        },
        0.2,
      ),
      ["Goal", "Start", "scene 2", "Ann"],
    ],
    "a chapter without a title": [
      timeline.chaptersOf({ chapters: [{ start_time: "0.5", end_time: "2", tags: {} }] }),
      [{ start: 0.5, end: 2, title: "Chapter 1" }],
    ],
    "a new name is taken back": [
      markers.reverse({ add: [{ time: 1, title: "b" }] }, [{ time: 1, title: "a" }]),
      { remove: [{ time: 1, title: "b" }], add: [{ time: 1, title: "a" }] },
    ],
  };
  const roots = ["/films", "/copies"];
  const transcode = (status) => ({
    directory: "trips",
    result: { dry_run: false, actions: [{ video: "a.avi", status, output: "/copies/a.mp4" }] },
  });
  Object.assign(cases, {
    "a copy and its original": [
      transcodes.copiesIn(transcode("made"), roots),
      [{ original: "/films/trips/a.avi", copy: "/copies/a.mp4" }],
    ],
    "no copy of what failed": [transcodes.copiesIn(transcode("failed"), roots), []],
    "a folder elsewhere": [transcodes.videoPath("/copies/", "b.mp4", roots), "/copies/b.mp4"],
  });
  const isLength = (text) => query.parts(text).field === "duration";
  Object.assign(cases, {
    "a filter holds in every alternative": [query.toggle("a OR b", "tag:x"), "a tag:x OR b tag:x"],
    "of a word that is no OR there are none": [query.toggle('a "OR" or', "tag:x"), 'a "OR" or tag:x'],
    "an OR that waits for its end is none": [query.toggle("a OR", "tag:x"), "a tag:x"],
    "a filter that holds in one only": [query.has("a tag:x OR b", "tag:x"), false],
    "is put in once": [query.toggle("a tag:x OR b", "tag:x"), "a tag:x OR b tag:x"],
    "and taken out of all": [query.toggle("a tag:x OR b TAG:X", "tag:x"), "a OR b"],
    "the place of a rival": [query.toggleOne("a duration:<5m", "duration:>1h", isLength), "a duration:>1h"],
    "the same again": [query.toggleOne("a duration:>1h", "duration:>1h", isLength), "a"],
    "a chip that is taken away": [query.withoutTerm('a OR "b c" d', 2), "a OR d"],
    "and the OR beside it": [query.withoutTerm("a OR b", 0), "b"],
  });
  Object.assign(cases, {
    "a lasso that is drawn to the left": [
      lasso.between({ x: 9, y: 2 }, { x: 3, y: 8 }),
      { left: 3, top: 2, right: 9, bottom: 8 },
    ],
    "in the middle nothing scrolls": [lasso.scrollStep(400, 800), 0],
    "at the lower edge it does": [lasso.scrollStep(799, 800) > 0, true],
    "and beyond the upper one upwards, at most so fast": [lasso.scrollStep(-500, 800), -30],
    "a lasso in one column": [grid.spanned(5, 90, 110, 100, 4), [0, 0]],
    "over the gap into the next": [grid.spanned(5, 111, 110, 100, 4), [0, 1]],
    "in the gap alone it touches none": [grid.spanned(102, 108, 110, 100, 4), [1, 0]],
    "nor beyond the last one": [grid.spanned(440, 900, 110, 100, 4), [4, 3]],
  });
  const clips = { entries: { list: "segments", word: "clip" } };
  Object.assign(cases, {
    "as many as the record lists": [format.amount(clips, { segments: [1, 2] }), "2 clips"],
    "of none there is nothing to say": [format.amount(clips, null), ""],
    "a record of another shape": [format.amount(clips, { segments: 7 }), "damaged"],
    "a kind without a list is as old as it is": [
      format.amount({ entries: null }, { generated_at: new Date().toISOString() }),
      "now",
    ],
    "without a date it is damaged": [format.amount(undefined, {}), "damaged"],
  });
  Object.assign(cases, {
    "a time above an hour": [format.clock(3723.4), "1:02:03"],
    "a time that is not known": [format.clock(Number.NaN), ""],
    "a size in the unit that it fills": [format.size(4_200_000), "4.2 MB"],
    "a bit rate": [format.bitRate(2_500_000), "2.5 Mbit/s"],
    "a portrait by its shorter side": [format.resolution(1080, 1920), "1080p"],
    "one and several": [[1, 2000].map((n) => format.plural(n, "video")), ["1 video", "2,000 videos"]],
    "less than all is never 100%": [format.percent(0.99999), "99.9%"],
    "names with a comma stand in quotes": [format.names(format.listed(['a "b"', "c, d"])), ['a "b"', "c, d"]],
    "the folder and the name of a file": [
      ["a/b/c.mp4", "c.mp4"].map((path) => [format.folderPathOf(path), format.baseName(path)]),
      [
        ["a/b", "c.mp4"],
        ["", "c.mp4"],
      ],
    ],
    "a codec without another name": [format.codecName("theora"), "THEORA"],
    "parameters without a value": [api.queryOf({ q: "", seed: 0, order: null }), "?seed=0"],
    "none at all": [api.queryOf({ q: undefined }), ""],
    "an address and its parts": [
      router.parse("#/video/a%2Fb.mp4?t=5?").path + router.parse("#/video/a?t=5?").params.get("t"),
      "a%2Fb.mp45?",
    ],
    "no address is the library": [router.parse("").view, "library"],
    "half a character in a path": [router.encodedPath("a b/\ud800.mp4"), "a%20b/%EF%BF%BD.mp4"],
    "the library's own order is not in its address": [
      router.addressOf({ q: "", sort: "title", order: "asc", seed: "" }),
      "#/library",
    ],
    "a sound by what is known of it": [
      sounds.soundLabel({ language: "de", title: "", channels: 6 }, 0),
      "German, 5.1",
    ],
    "and one of which nothing is": [
      sounds.soundLabel({ language: "", title: "", channels: 3 }, 1),
      "Sound 2",
    ],
    "after the last appearance comes the first": [
      presence.nextAppearance(
        [
          [1, 2],
          [5, 6],
        ],
        9,
      ),
      1,
    ],
    "the frame of a sheet that is not later": [pictures.frameAt({ frames: tiles }, 19.9).time, 10],
    "a folder in the query of its address": [
      query.inFolder("a OR b", "x y"),
      'a folder:"x y" OR b folder:"x y"',
    ],
    "and out of it": [query.folderOf('a folder:"x y/"'), "x y"],
  });
  return Object.entries(cases).map(([name, [value, expected]]) => [name, value, expected]);
}
