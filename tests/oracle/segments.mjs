// Reads one JSON object a line, {"text": ..., "encoding": "GSM-7" | "UCS-2", "parts": n}, and says where an
// independent counter comes to another number of parts.
import {createInterface} from 'node:readline';
import calculator from 'sms-segments-calculator';

let texts = 0;
let different = 0;
for await (const line of createInterface({input: process.stdin})) {
  const {text, encoding, parts} = JSON.parse(line);
  const counted = new calculator.SegmentedMessage(text, encoding, false).segmentsCount;
  texts += 1;
  if (counted !== parts) {
    different += 1;
    if (different <= 5) console.log(`${encoding} ${JSON.stringify(text)}: here ${parts}, there ${counted}`);
  }
}
console.log(`${texts} texts, ${different} counted otherwise`);
process.exit(texts === 100000 && different === 0 ? 0 : 1);
