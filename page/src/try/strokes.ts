// Strokes of a pen, smooth and thick enough to be read at 28×28.
/** In parts of the board's side; `weight` 1 is the usual width. */
export interface Point { x: number; y: number; weight: number }
export type Stroke = Point[];

const WIDTH = 0.075; // MNIST's strokes are a tenth to a fifth of the digit's height
const SENT = 280; // pixels of the picture that is sent

/** Through the middles between the points, bent by the points themselves. */
export function draw(context: CanvasRenderingContext2D, strokes: Stroke[], side: number): void {
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const [first] = stroke;
    if (stroke.length === 1) {
      context.beginPath();
      context.arc(first.x * side, first.y * side, (WIDTH * first.weight * side) / 2, 0, 2 * Math.PI);
      context.fill();
      continue;
    }
    let from = first;
    stroke.slice(1).forEach((point, k) => {
      const before = stroke[k];
      const end = k === stroke.length - 2;
      const to = end ? point : { x: (before.x + point.x) / 2, y: (before.y + point.y) / 2, weight: (before.weight + point.weight) / 2 };
      context.lineWidth = WIDTH * to.weight * side;
      context.beginPath();
      context.moveTo(from.x * side, from.y * side);
      context.quadraticCurveTo(before.x * side, before.y * side, to.x * side, to.y * side);
      context.stroke();
      from = to;
    });
  }
}

/** Black ink on white paper, as a PNG. */
export function picture(strokes: Stroke[]): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SENT;
  const context = canvas.getContext("2d")!;
  context.fillStyle = "white";
  context.fillRect(0, 0, SENT, SENT);
  context.fillStyle = context.strokeStyle = "black";
  draw(context, strokes, SENT);
  return png(canvas);
}

/** A sample as it is, as a PNG. */
export function asPicture(bytes: ArrayLike<number>, form: { channels: number; height: number; width: number }): Promise<Blob> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [form.width, form.height];
  const [image, size] = [new ImageData(form.width, form.height), form.width * form.height];
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = bytes[form.channels >= 3 ? k * size + i : i];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return png(canvas);
}

const png = (canvas: HTMLCanvasElement): Promise<Blob> =>
  new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("toBlob"))), "image/png"));
