import { z } from 'zod'
import { filePath, text } from './kinds.ts'

/** What the page says of whose gateway it is. */
export const page = z
  .strictObject({
    name: text('must be text of up to 60 characters', /^[^\p{C}]{1,60}$/u)
      .exactOptional()
      .describe('What the page calls itself, such as the name of your company. Default: Altgate.'),
    logo: filePath()
      .exactOptional()
      .describe(
        'A picture for the top of the page: an SVG or PNG file of up to 256 KiB, shown 28 pixels high. It is read at the start and at each reload. Scripts in an SVG do not run.',
      ),
    support: text('must be text of up to 200 characters', /^[^\p{C}]{1,200}$/u)
      .exactOptional()
      .describe(
        'Where users get help, below every page: an address such as `mailto:help@example.com` or `https://help.example.com/git`, which becomes a link, or text.',
      ),
    text: text('must be text of up to 500 characters', /^[^\p{C}]{1,500}$/u)
      .exactOptional()
      .describe(
        'A line of text below every page, such as who may use the gateway. Text only: HTML is shown as it is.',
      ),
  })
  .prefault({})
  .describe('What users see of whose gateway it is, on the page below `/_altgate/`.')
