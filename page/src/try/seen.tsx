// The very image that the network sees, pixel by pixel.
import type { Form, Prediction } from "../api";
import { Tile } from "../parts/tile";

const SIDE = 140;

export function Seen({ image, form }: { image: Prediction["image"]; form: Form | null }) {
  if (!image && !form) return <span class="t-blank" />;
  const [channels, height, width] = image?.shape ?? [form!.channels, form!.height, form!.width];
  return <Tile sample={image?.pixels ?? null} form={{ channels, height, width }} side={SIDE} />;
}
