/** The demo cannot start, for a reason that whoever started it can mend. The message is one plain sentence. */
export class DemoCannotStart extends Error {
  constructor(sentence: string) {
    super(sentence)
    this.name = 'DemoCannotStart'
  }
}
