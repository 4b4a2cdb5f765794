/** What the API takes and answers, from its own description: written by tests/docs.py. */

export interface ArtifactFileOut {
  part: string;
  type: string;
  url: string;
}

export interface ArtifactsOut {
  video: string;
  artifacts: Record<string, boolean | "stale">;
  files: Record<string, ArtifactFileOut[]>;
  versions: Record<string, string>;
}

export interface BulkTagsIn {
  changes: NameChangeIn[];
}

export interface BulkTagsOut {
  changed: number;
  undo: NameChangeIn[];
  errors: VideoErrorOut[];
}

export interface CardPlaybackOut {
  position: number;
  progress: number;
  watched: boolean;
}

export interface ConfigOut {
  version: string;
  roots: string[];
  kinds: string[];
  kind_details: Record<string, KindOut>;
  task_by_kind: Record<string, string>;
  kinds_on_request: string[];
  limits: Record<string, number>;
  tasks: Record<string, Record<string, any>>;
}

export interface CopiesOut {
  video: string;
  original: string | null;
  copies: string[];
}

export interface DeletionIn {
  videos: string[];
}

export interface DeletionOut {
  id: number;
  command: "delete" | "dupes";
  videos: string[];
  files: number;
  size: number;
  made_at: string;
  interrupted: boolean;
}

export interface DuplicateGroupOut {
  keeper: string;
  reason: string;
  matches: string[];
  details: Record<string, Record<string, any>>;
}

export interface DuplicatePairOut {
  a: string;
  b: string;
  similarity: number;
  kind: "exact" | "similar" | "mirrored" | "shifted";
}

export interface DuplicatesOut {
  threshold: number;
  left_out?: Record<string, number>;
  pairs: DuplicatePairOut[];
  groups: DuplicateGroupOut[];
  total: number;
  total_pairs: number;
  total_groups: number;
  without_hash: number;
  without_timeline: number;
  videos: Record<string, VideoCardOut>;
}

export interface EmptiedTrashOut {
  videos: number;
  files: number;
  size: number;
  problems: string[];
}

export interface EntriesOut {
  list: string;
  word: string;
}

export interface FacesOut {
  video: string;
  model: string;
  people: VideoPersonOut[];
}

export interface FieldErrorOut {
  field: string;
  message: string;
}

export interface FilterOut {
  text: string;
  videos: number;
}

export interface FolderOut {
  name: string;
  path: string;
  videos: number;
  total: number;
  folders: number;
}

export interface FoldersOut {
  name: string;
  path: string;
  videos: number;
  total: number;
  folders: number;
  count: number;
  offset: number;
  limit: number;
  complete: boolean;
  refreshing: boolean;
  tree: FolderOut[];
}

export interface ForecastOut {
  videos: number;
  counts: Record<string, number>;
  seconds: number;
  unknown: string[];
  time: string;
  missing: Record<string, string>;
}

export interface HealthOut {
  status: "ok";
  version: string;
}

export interface HlsOfferOut {
  method: "direct" | "remux" | "encode" | "none";
  reason: string | null;
  url: string;
  query: Record<string, string>;
  duration: number;
  encrypted: boolean;
  lines: number;
  sound: number | null;
  sounds: SoundTrackOut[];
  subtitles: TextTrackOut[];
}

export interface JobDetailsOut {
  id: string;
  task: string;
  directory: string;
  status: "queued" | "running" | "done" | "error" | "cancelled";
  progress_current: number;
  progress_total: number;
  current: string | null;
  percent: number | null;
  failed: number;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  error: string | null;
  touched: TouchedOut | null;
  recursive: boolean;
  force: boolean;
  params: Record<string, any>;
  messages: string[];
  result: any;
}

export interface JobIn {
  task: string;
  directory?: string;
  recursive?: boolean;
  force?: boolean;
  params?: Record<string, any>;
}

export interface JobOut {
  id: string;
  task: string;
  directory: string;
  status: "queued" | "running" | "done" | "error" | "cancelled";
  progress_current: number;
  progress_total: number;
  current: string | null;
  percent: number | null;
  failed: number;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  error: string | null;
  touched: TouchedOut | null;
}

export interface JobsOut {
  jobs: JobOut[];
}

export interface KindOut {
  label: string;
  task: string | null;
  on_request: boolean;
  slow: boolean;
  finds_faults: boolean;
  entries: EntriesOut | null;
}

export interface KnownFailureOut {
  reason: string;
  kinds: string[];
}

export interface MarkPersonIn {
  action: "split" | "hide" | "show";
}

export interface MarkerItem {
  time: number;
  title?: string;
}

export interface MarkersIn {
  add?: MarkerItem[];
  remove?: MarkerItem[];
}

export interface MarkersOut {
  video: string;
  markers: MarkerItem[];
}

export interface MergePeopleIn {
  action: "merge";
  ids: number[];
}

export interface MetadataOut {
}

export interface NameChangeIn {
  videos: string[];
  add?: string[];
  remove?: string[];
  performers_add?: string[];
  performers_remove?: string[];
}

export interface NameCountOut {
  name: string;
  count: number;
}

export interface NeighboursOut {
  position: number | null;
  total: number;
  previous: VideoRowOut | null;
  next: VideoRowOut | null;
}

export interface OccurrenceOut {
  video: string;
  url: string;
  signature: string;
  intervals: number[][];
  frames: number;
  picture: string | null;
}

export interface PeopleChangeOut {
  action: string;
  told: string;
  warning: string;
  change: number;
  people: PersonOut[];
}

export interface PeopleOut {
  total: number;
  offset: number;
  limit: number;
  generated_at: string;
  model: string;
  people: PersonOut[];
  videos: number;
  left_out: (Record<string, string>)[];
  total_left_out: number;
}

export interface PeopleUndoIn {
  change?: number;
}

export interface PersonOut {
  id: number;
  label: string | null;
  label_distance: number | null;
  named_by_hand: boolean;
  hidden: boolean;
  ambiguous: string[];
  picture: string | null;
  occurrences: OccurrenceOut[];
}

export interface PlaybackIn {
  position?: number;
  duration?: number;
  watched?: boolean | null;
}

export interface PlaybackOut {
  video: string;
  position: number;
  progress: number;
  watched: boolean;
  played_at?: string | null;
  watched_at?: string | null;
}

export interface ProblemOut {
  type?: string;
  title: string;
  status: number;
  detail: string;
  errors?: FieldErrorOut[] | null;
}

export interface ReassignFaceIn {
  action: "reassign";
  signature: string;
  to: number | "new";
}

export interface RenameIn {
  to: string;
  dry_run?: boolean;
}

export interface RenameOut {
  video: string;
  to: string;
  url: string;
  dry_run: boolean;
  moves: string[][];
}

export interface RenamePersonIn {
  action: "rename";
  name: string;
}

export interface ReportOut {
  total: number;
  left_out?: Record<string, number>;
  counts: Record<string, number>;
  stale: Record<string, number>;
  coverage: Record<string, number>;
  to_make: Record<string, number>;
  broken: (Record<string, any>)[];
  damaged: (Record<string, string>)[];
  rotten: (Record<string, string>)[];
  videos: (Record<string, any>)[];
}

export interface RestoredOut {
  videos: string[];
  files: number;
  problems: string[];
}

export interface SavedSearchChangeOut {
  search: SavedSearchOut | null;
  previous: SavedSearchOut | null;
}

export interface SavedSearchIn {
  q?: string;
  sort?: "name" | "title" | "size" | "duration" | "added" | "height" | "bitrate" | "rating" | "played" | "random";
  order?: "asc" | "desc" | "";
  seed?: number;
  view?: string;
}

export interface SavedSearchOut {
  name: string;
  q: string;
  sort: string;
  order: string;
  seed: number;
  view: string;
}

export interface SavedSearchesOut {
  searches: SavedSearchOut[];
}

export interface SearchOut {
  total: number;
  offset: number;
  limit: number;
  searched: number;
  refreshing: boolean;
  left_out?: Record<string, number>;
  results: VideoLinesOut[];
  errors: (Record<string, string>)[];
}

export interface SessionIn {
  token: string;
}

export interface SessionOut {
  required: boolean;
  authenticated: boolean;
}

export interface SoundTrackOut {
  stream: number;
  codec: string;
  language: string;
  title: string;
  channels: number;
  playable: boolean;
}

export interface SubtitleFileOut {
  file: string;
  language: string;
  purpose: string;
  url: string;
}

export interface SubtitleLineOut {
  start: number;
  end: number;
  text: string;
  offsets: number[][];
  file: string;
}

export interface SuggestionsOut {
  tags: string[];
  performers: string[];
  words: string[];
  filters: FilterOut[];
  titles: VideoRowOut[];
}

export interface TagEntryIn {
  rating?: number | null;
  favourite?: boolean | null;
  note?: string | null;
  date?: string | null;
  video: string;
  tags?: string[];
  performers?: string[];
}

export interface TagExportOut {
  videos: TagsOut[];
  errors: (Record<string, string>)[];
}

export interface TagImportIn {
  videos: TagEntryIn[];
  mode?: "merge" | "replace";
  dry_run?: boolean;
}

export interface TagImportOut {
  dry_run: boolean;
  matched: number;
  unknown: string[];
}

export interface TagSummaryOut {
  tags: NameCountOut[];
  performers: NameCountOut[];
}

export interface TagUpdateIn {
  rating?: number | null;
  favourite?: boolean | null;
  note?: string | null;
  date?: string | null;
  add?: string[];
  remove?: string[];
  performers_add?: string[];
  performers_remove?: string[];
  replace?: boolean;
}

export interface TagsOut {
  video: string;
  tags: string[];
  performers: string[];
  rating?: number | null;
  favourite?: boolean | null;
  note?: string | null;
  date?: string | null;
}

export interface TaskOut {
  task: string;
  aliases: string[];
  kind: string | null;
  summary: string;
  takes: ("recursive" | "force")[];
  params: Record<string, any>;
}

export interface TasksOut {
  tasks: TaskOut[];
}

export interface TextTrackOut {
  stream: number;
  language: string;
  purpose: string;
  default: boolean;
  url: string;
}

export interface TouchedOut {
  videos: string[] | null;
  kinds: string[];
}

export interface TrashContentsOut {
  videos: number;
  files: number;
  size: number;
  version: string;
}

export interface TrashOut {
  deletions: DeletionOut[];
}

export interface VideoCardOut {
  url: string;
  size: number;
  mtime: number;
  duration?: number | null;
  width?: number | null;
  height?: number | null;
  fps?: number | null;
  vcodec?: string | null;
  acodec?: string | null;
  bit_rate?: number | null;
  encrypted?: boolean | null;
  picture: string | null;
  versions: Record<string, string>;
}

export interface VideoDetailsOut {
  url: string;
  size: number;
  mtime: number;
  duration?: number | null;
  width?: number | null;
  height?: number | null;
  fps?: number | null;
  vcodec?: string | null;
  acodec?: string | null;
  bit_rate?: number | null;
  encrypted?: boolean | null;
  path: string;
  name: string;
  artifacts?: Record<string, boolean | "stale"> | null;
  versions?: Record<string, string> | null;
  tags?: string[] | null;
  performers?: string[] | null;
  rating?: number | null;
  favourite?: boolean | null;
  note?: string | null;
  date?: string | null;
  playback?: CardPlaybackOut | null;
  broken?: KnownFailureOut[] | null;
  damaged?: string | null;
  rotten?: string | null;
  video: string;
  files: Record<string, ArtifactFileOut[]>;
  subtitles: SubtitleFileOut[];
  documents: Record<string, Record<string, any> | null>;
}

export interface VideoErrorOut {
  video: string;
  error: string;
}

export interface VideoLinesOut {
  video: string;
  url: string;
  count: number;
  matches: SubtitleLineOut[];
}

export interface VideoPersonOut {
  signature: string;
  person: number | null;
  label: string | null;
  intervals: number[][];
  frames: number;
  time: number;
  box: number[];
  score: number;
  picture: string | null;
}

export interface VideoRowOut {
  url: string;
  size: number;
  mtime: number;
  duration?: number | null;
  width?: number | null;
  height?: number | null;
  fps?: number | null;
  vcodec?: string | null;
  acodec?: string | null;
  bit_rate?: number | null;
  encrypted?: boolean | null;
  path: string;
  name: string;
  artifacts?: Record<string, boolean | "stale"> | null;
  versions?: Record<string, string> | null;
  tags?: string[] | null;
  performers?: string[] | null;
  rating?: number | null;
  favourite?: boolean | null;
  note?: string | null;
  date?: string | null;
  playback?: CardPlaybackOut | null;
  broken?: KnownFailureOut[] | null;
  damaged?: string | null;
  rotten?: string | null;
}

export interface VideosOut {
  total: number;
  offset: number;
  limit: number;
  complete: boolean;
  refreshing: boolean;
  left_out?: Record<string, number>;
  videos: VideoRowOut[];
}

export interface GetAnswers {
  "/config": ConfigOut;
  "/faces/listing": PeopleOut;
  "/folders": FoldersOut;
  "/forecast": ForecastOut;
  "/health": HealthOut;
  "/jobs": JobsOut;
  [path: `/jobs/${string}`]: JobDetailsOut;
  "/phash/duplicates": DuplicatesOut;
  "/report": ReportOut;
  "/search": SearchOut;
  "/searches": SavedSearchesOut;
  "/session": SessionOut;
  "/tags/export": TagExportOut;
  "/tags/summary": TagSummaryOut;
  "/tasks": TasksOut;
  "/trash": TrashOut;
  "/trash/contents": TrashContentsOut;
  "/videos": VideosOut;
  "/videos/suggest": SuggestionsOut;
}

export interface GetOfVideo {
  "/artifacts": ArtifactsOut;
  "/copies": CopiesOut;
  "/faces": FacesOut;
  "/hls": HlsOfferOut;
  "/markers": MarkersOut;
  "/metadata": MetadataOut;
  "/neighbours": NeighboursOut;
  "/playback": PlaybackOut;
  "/tags": TagsOut;
}

export interface PostAnswers {
  [path: `/faces/people/${string}`]: PeopleChangeOut;
  "/faces/undo": PeopleChangeOut;
  "/jobs": JobDetailsOut;
  "/tags/change": BulkTagsOut;
  "/tags/import": TagImportOut;
  "/trash": DeletionOut;
  [path: `/trash/${string}/undo`]: RestoredOut;
}

export interface PostOfVideo {
  "/rename": RenameOut;
  "/tags": TagsOut;
}

export interface PutAnswers {
  [path: `/searches/${string}`]: SavedSearchChangeOut;
}

export interface PutOfVideo {
}

export interface PatchAnswers {
}

export interface PatchOfVideo {
  "/markers": MarkersOut;
  "/playback": PlaybackOut;
  "/tags": TagsOut;
}

export interface DeleteAnswers {
  [path: `/faces/people/${string}`]: PeopleChangeOut;
  [path: `/jobs/${string}`]: JobDetailsOut;
  [path: `/searches/${string}`]: SavedSearchChangeOut;
  "/trash": EmptiedTrashOut;
}

export interface DeleteOfVideo {
}

/** The answer to a request for an address, out of a table of addresses and one of how they end. */
export type Answer<Path extends string, Whole, Endings> = string extends Path
  ? any
  : Path extends keyof Whole
    ? Whole[Path]
    : {
        [End in keyof Endings]: Path extends `${string}${End & string}` ? Endings[End] : never;
      }[keyof Endings];
