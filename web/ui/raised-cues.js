// @ts-check
/** Subtitles above the controls of a player while these are seen. */

const FONT = 0.055; // about the height of a line of subtitles, as a share of the shorter side of the film

/** On which line from below subtitles stand over what is so high that it would hide them.
 * @param {number} hidden pixels at the lower end of the player
 * @param {number} side the shorter side of the player in pixels */
export const lineAbove = (hidden, side) => -Math.ceil(hidden / (side * FONT)) - 1;

/** Lifts the subtitles of a film over its controls for as long as they are seen.
 * @param {HTMLElement} controls the controller around the film
 * @param {HTMLVideoElement} video
 * @param {HTMLElement[]} bars what may hide subtitles, at the lower end */
export function raiseCues(controls, video, bars) {
  function place() {
    const isSeen = video.paused || !controls.hasAttribute("userinactive");
    const hidden = bars.reduce((sum, { offsetHeight }) => sum + offsetHeight, 0);
    const side = Math.min(controls.offsetWidth, controls.offsetHeight) || 1;
    const line = isSeen ? lineAbove(hidden, side) : "auto";
    for (const track of video.textTracks)
      for (const cue of track.activeCues ?? [])
        if (cue instanceof VTTCue && cue.line !== line) cue.line = line;
  }
  controls.addEventListener("userinactivechange", place);
  for (const name of ["play", "pause"]) video.addEventListener(name, place);
  video.textTracks.addEventListener("addtrack", ({ track }) => track?.addEventListener("cuechange", place));
}
