/** Facts of the whole data set that plans depend on, as plain data. The manifest records them. */
export type Measures = Readonly<Record<never, never>>;
