type Programs = Readonly<Record<string, string>>;

export declare const forStart: Programs;
export declare const forTest: Programs;
export declare const forNightly: Programs;
export declare const forBench: Programs;
export declare const forImage: Programs;
export declare const forMachines: Programs;
export declare const given: Programs;
export declare const everyDebian: Programs;
export declare const onTheBox: Programs;
export declare const ifThere: Programs;
